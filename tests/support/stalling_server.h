// tests/support/stalling_server.h - the process behind a StallingFileSystem.
#pragma once

#include <string>

namespace buzon::test {

// Serves the requests of `device` (/dev/fuse, mounted) from `backing` until the file system is unmounted or the other
// end of `control` is closed.
void serve_stalling(int device, int control, const std::string& backing);

} // namespace buzon::test
