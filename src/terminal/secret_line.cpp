#include "buzon/terminal/secret_line.h"

#include "buzon/terminal/text.h"

namespace buzon::client {

SecretLine::State SecretLine::press(const Key& key) {
    switch (key.code) {
    case Key::Code::text: text_ += key.text; break;
    case Key::Code::enter: return State::done;
    case Key::Code::backspace: text_.erase(before_character(text_, text_.size())); break;
    case Key::Code::control:
        if (key.text == "C" || (key.text == "D" && text_.empty())) return State::given_up;
        if (key.text == "D") return State::done;
        if (key.text == "U") text_.clear();
        break;
    default: break; // ignore tabs and arrow keys in a password
    }
    return State::typing;
}

} // namespace buzon::client
