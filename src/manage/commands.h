// manage/commands.h - the commands behind the table's rows.
#pragma once

#include <string>
#include <string_view>

#include "session_impl.h"

namespace buzon::manage::commands {

using Impl = Session::Impl;

// queries.cpp
Action metr(Impl& session, std::string_view argument, std::string& out);
Action info(Impl& session, std::string_view argument, std::string& out);
Action logg(Impl& session, std::string_view argument, std::string& out);
Action evnt(Impl& session, std::string_view argument, std::string& out);
Action hist(Impl& session, std::string_view argument, std::string& out);
Action sess(Impl& session, std::string_view argument, std::string& out);
Action whyy(Impl& session, std::string_view argument, std::string& out);

// changes.cpp
Action tran(Impl& session, std::string_view argument, std::string& out);
Action host(Impl& session, std::string_view argument, std::string& out);
Action dirr(Impl& session, std::string_view argument, std::string& out);
Action port(Impl& session, std::string_view argument, std::string& out);
Action ipv6(Impl& session, std::string_view argument, std::string& out);
Action conf(Impl& session, std::string_view argument, std::string& out);
Action kick(Impl& session, std::string_view argument, std::string& out);
Action user(Impl& session, std::string_view argument, std::string& out);
Action save(Impl& session, std::string_view argument, std::string& out);
Action drain(Impl& session, std::string_view argument, std::string& out);
Action undl(Impl& session, std::string_view argument, std::string& out);
Action free(Impl& session, std::string_view argument, std::string& out);
Action auth(Impl& session, std::string_view argument, std::string& out);

// table.cpp
Action help(Impl& session, std::string_view argument, std::string& out);
Action noop(Impl& session, std::string_view argument, std::string& out);
Action quit(Impl& session, std::string_view argument, std::string& out);

} // namespace buzon::manage::commands
