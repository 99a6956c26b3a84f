#include "buzon/auth/user_name.h"

#include <climits>
#include <utility>

#include "buzon/auth/saslprep.h"
#include "buzon/line/utf8.h"

namespace buzon::auth {

std::string prepared_user(std::string_view name) {
    auto prepared = saslprep(name);
    return prepared && !prepared->empty() ? std::move(*prepared) : std::string{name};
}

std::string_view fault_of_user_name(std::string_view name) {
    if (name.empty()) return "the name is empty";
    if (name.size() > NAME_MAX) return "the name is longer than 255 octets";
    if (!line::is_utf8(name)) return "the name is not UTF-8";
    if (name.front() == '.') return "a name may not begin with '.'";
    if (name.front() == '#') return "a name may not begin with '#'";
    if (name.find('/') != name.npos) return "a name may not contain '/'";
    if (name.find(':') != name.npos) return "a name may not contain ':'";
    if (name == "buzon-locks") return "this name is reserved for the server's own directory";
    // SASLprep only changes spaces and invisible characters; it keeps a plain space.
    if (name.find(' ') != name.npos || saslprep(name) != name) {
        return "a name may not contain white space, control or invisible characters";
    }
    return {};
}

} // namespace buzon::auth
