// system/channel_binding_test.cpp - SCRAM-SHA-256-PLUS: a client proves that its TLS peer has the server's certificate.
#include <filesystem>

#include "support/catch.h"
#include "system/tls_site.h"

using namespace buzon::test;

namespace {

// An independent RFC 5802 client: scram(f, binding, gs2, mechanism, password) returns the server's last line.
// end_point() hashes a certificate file, seen() the certificate that the TLS connection presented.
constexpr const char* scram_client = R"py(
import base64, hmac, subprocess
def b64(octets): return base64.b64encode(octets).decode()
def end_point(pem, hash="sha256"):
    der = subprocess.run(["openssl", "x509", "-in", pem, "-outform", "DER"], check=True, capture_output=True).stdout
    return hashlib.new(hash, der).digest()
def scram(f, binding, gs2="p=tls-server-end-point,,", mechanism="SCRAM-SHA-256-PLUS", password=b"pass1"):
    first = "n=user1,r=" + b64(os.urandom(12))
    said = say(f, f"AUTH {mechanism} " + b64((gs2 + first).encode()))
    if not said.startswith("+ "): return said
    server = base64.b64decode(said[2:]).decode()
    parts = dict(p.split("=", 1) for p in server.split(","))
    final = "c=" + b64(gs2.encode() + binding) + ",r=" + parts["r"]
    salted = hashlib.pbkdf2_hmac("sha256", password, base64.b64decode(parts["s"]), int(parts["i"]))
    key = hmac.digest(salted, b"Client Key", "sha256")
    message = ",".join((first, server, final)).encode()
    signature = hmac.digest(hashlib.sha256(key).digest(), message, "sha256")
    said = say(f, b64((final + ",p=" + b64(bytes(a ^ b for a, b in zip(key, signature)))).encode()))
    if not said.startswith("+ "): return said
    mine = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), message, "sha256")
    assert base64.b64decode(said[2:]).decode() == "v=" + b64(mine), "the server does not know the password"
    return say(f, "")
def seen(t, hash="sha256"): return hashlib.new(hash, t.getpeercert(True)).digest()
)py";

// The same with Cyrus SASL, the library of mutt and of OpenLDAP's clients: cyrus(f, binding, mechanism, password).
// Called through ctypes because neither of the two binds a POP3 session to tls-server-end-point.
constexpr const char* cyrus_client = R"py(
import base64, ctypes
from ctypes import byref, c_char_p, c_int, c_uint, c_ulong, c_void_p
sasl = ctypes.CDLL("libsasl2.so.2")
class Interact(ctypes.Structure):
    _fields_ = [("id", c_ulong), ("challenge", c_char_p), ("prompt", c_char_p), ("default", c_char_p),
                ("result", c_char_p), ("size", c_uint)]
class Binding(ctypes.Structure):
    _fields_ = [("name", c_char_p), ("critical", c_int), ("size", c_ulong), ("octets", c_char_p)]
class Callback(ctypes.Structure):
    _fields_ = [("id", c_ulong), ("call", c_void_p), ("context", c_void_p)]
to_ask = (Callback * 4)(*(Callback(id, None, None) for id in (0x4001, 0x4002, 0x4004, 0)))
assert sasl.sasl_client_init(None) == 0
def cyrus(f, binding, mechanism="SCRAM-SHA-256-PLUS", password=b"pass1"):
    answers = {0x4001: b"", 0x4002: b"user1", 0x4004: password}
    connection, prompts, out, size = c_void_p(), ctypes.POINTER(Interact)(), c_void_p(), c_uint()
    assert sasl.sasl_client_new(b"pop", b"localhost", None, None, to_ask, 0, byref(connection)) == 0
    bound = Binding(b"tls-server-end-point", 1, len(binding), binding)
    assert sasl.sasl_setprop(connection, 21, byref(bound)) == 0
    def asked(call):
        while (code := call()) == 2: # SASL_INTERACT
            i = 0
            while prompts[i].id:
                prompts[i].result = answers[prompts[i].id]; prompts[i].size = len(answers[prompts[i].id]); i += 1
        assert code in (0, 1), (code, ctypes.cast(sasl.sasl_errdetail(connection), c_char_p).value)
        return base64.b64encode(ctypes.string_at(out, size.value)).decode() if out and size.value else ""
    sasl.sasl_errdetail.restype = c_void_p
    chosen = c_char_p()
    first = asked(lambda: sasl.sasl_client_start(connection, mechanism.encode(), byref(prompts), byref(out), byref(size), byref(chosen)))
    said = say(f, "AUTH " + mechanism + " " + first)
    while said.startswith("+ "):
        octets = base64.b64decode(said[2:]); out.value = None
        said = say(f, asked(lambda: sasl.sasl_client_step(connection, octets, len(octets), byref(prompts), byref(out), byref(size))))
    sasl.sasl_dispose(byref(connection))
    return said
)py";

} // namespace

TEST_CASE("Cyrus SASL logs in with SCRAM-SHA-256-PLUS over pop3s and STLS, but not bound to another certificate") {
    TlsSite{}.passes(std::string{scram_client} + cyrus_client + R"py(
for stls in (False, True):
    f, t = connect(stls)
    assert cyrus(f, bytes(32)).startswith("-ERR [AUTH]")
    assert cyrus(f, seen(t), password=b"wrong").startswith("-ERR [AUTH]")
    assert cyrus(f, seen(t)) == "+OK Password accepted"
    assert say(f, "STAT").startswith("+OK"); say(f, "QUIT")
)py");
}

TEST_CASE("SCRAM-SHA-256-PLUS is bound to the --tls-cert certificate, so a relay with another certificate fails") {
    TlsSite site{1, {"-a", "root:s3cr3t"}};
    make_certificate(site.directory / "relay.pem", "relay");
    site.passes(std::string{scram_client} + R"py(
good = end_point(directory + "/cert.pem")
m, s = plain(int(sys.argv[5])); m.readline(); assert say(m, "AUTH root s3cr3t").startswith("+OK")
for announced in (False, True):
    if announced: assert say(m, "CONF channel-binding on") == "+OK on"
    for stls in (False, True):
        f, t = connect(stls)
        sasl = [l for l in many(f, "CAPA") if l.startswith("SASL ")][0]
        assert sasl.startswith("SASL SCRAM-SHA-256-PLUS SCRAM-SHA-256 " if announced else "SASL SCRAM-SHA-256 "), sasl
        assert seen(t) == good
        assert scram(f, seen(t), password=b"wrong").startswith("-ERR [AUTH]")
        assert scram(f, bytes(32)).startswith("-ERR [AUTH]")
        assert scram(f, seen(t)) == "+OK Password accepted"
        assert say(f, "QUIT").startswith("+OK")
        f, t = connect(stls)
        assert scram(f, b"", "n,,", "SCRAM-SHA-256") == "+OK Password accepted" # one who cannot bind
        say(f, "QUIT")
        f, t = connect(stls)
        # One who could, and has seen no PLUS in the list: somebody may have taken it out.
        said = scram(f, b"", "y,,", "SCRAM-SHA-256")
        assert said.startswith("-ERR [AUTH]" if announced else "+OK"), said
        say(f, "QUIT")
# Without TLS there is nothing to bind to.
f, s = plain(); f.readline()
assert not [l for l in many(f, "CAPA") if "PLUS" in l]
assert scram(f, good).startswith("-ERR")
# Who stands in between has a certificate of his own.
door = socket.create_server(("127.0.0.1", 0))
relaying = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); relaying.load_cert_chain(directory + "/relay.pem")
def relay():
    inner, outer = relaying.wrap_socket(door.accept()[0], server_side=True), wrap(socket.create_connection(("127.0.0.1", pop3s), 60))[1]
    def pump(a, b):
        while True:
            octets = a.recv(4096)
            if not octets: return
            b.sendall(octets)
    threading.Thread(target=pump, args=(outer, inner), daemon=True).start()
    pump(inner, outer)
threading.Thread(target=relay, daemon=True).start()
f, t = wrap(socket.create_connection(door.getsockname(), 60)); assert f.readline().startswith(b"+OK")
assert seen(t) == end_point(directory + "/relay.pem") != good
assert scram(f, seen(t)).startswith("-ERR [AUTH]")
)py");
}

TEST_CASE("after a certificate renewal, new clients bind to the new certificate and earlier ones to the old") {
    TlsSite site;
    REQUIRE(run({"openssl", "req", "-x509", "-sha384", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-nodes",
                 "-keyout", site.directory / "key2", "-out", site.directory / "new.pem", "-subj", "/CN=new"})
                .code == 0);
    site.passes(std::string{scram_client} + R"py(
old = connect(); before = seen(old[1])
assert before == end_point(directory + "/cert.pem")
open(directory + "/cert.pem.new", "w").write(open(directory + "/new.pem").read() + open(directory + "/key2").read())
os.replace(directory + "/cert.pem.new", directory + "/cert.pem")
os.kill(pid, signal.SIGHUP)
end = time.time() + 300
while True:
    f, t = connect()
    if seen(t) != before: break
    say(f, "QUIT"); assert time.time() < end
assert seen(t, "sha384") == end_point(directory + "/new.pem", "sha384")
assert scram(f, seen(t)).startswith("-ERR [AUTH]")           # the hash follows the signature (RFC 5929)
assert scram(f, before).startswith("-ERR [AUTH]")
assert scram(f, seen(t, "sha384")) == "+OK Password accepted"
say(f, "QUIT"); f.read()
assert scram(old[0], before) == "+OK Password accepted"
)py");
}

TEST_CASE("channel binding uses --tls-certificate-hash behind a front, and the --tls-cert certificate without one") {
    const TempDirectory directory;
    make_certificate(directory / "front.pem", "front");
    REQUIRE(
        run({"openssl", "x509", "-in", directory / "front.pem", "-outform", "DER", "-out", directory / "der"}).code ==
        0);
    const std::string hash = run({"sha256sum", directory / "der"}).out.substr(0, 64);
    TlsSite site{1, {"--proxy-from", "127.0.0.7", "--tls-certificate-hash", hash}};
    site.passes(std::string{scram_client} + "front_hash = bytes.fromhex('" + hash + "')\n" + R"py(
def through(header):
    s = socket.create_connection(("127.0.0.1", pop3), 60, ("127.0.0.7", 0)); s.sendall(header)
    f = s.makefile("rwb"); assert f.readline().startswith(b"+OK POP3"); return f
tls = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x14\xcb\0\x71\x0a\xcb\0\x71\x01\x13\x88\x03\xe3" + b"\x20\0\x05\x01\0\0\0\0"
assert scram(through(tls), front_hash) == "+OK Password accepted"
assert scram(through(tls), end_point(directory + "/cert.pem")).startswith("-ERR [AUTH]")
f = through(b"PROXY TCP4 203.0.113.9 203.0.113.1 5000 995\r\n") # who came in clear
assert not [l for l in many(f, "CAPA") if "PLUS" in l]
f, t = connect(); assert scram(f, front_hash).startswith("-ERR [AUTH]"); assert scram(f, seen(t)) == "+OK Password accepted"
)py");
}
