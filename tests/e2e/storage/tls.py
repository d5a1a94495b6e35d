"""A private certificate authority, TLS in front of a plain server, and a CONNECT proxy."""

import contextlib
import datetime
import ipaddress
import pathlib
import socket
import ssl
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the tests' authority")])
        self.certificate = self.folder / "authority.pem"
        self.certificate.write_bytes(self._sign(self.name, self.key.public_key(), [
            (x509.BasicConstraints(ca=True, path_length=None), True)]))

    def _sign(self, subject, public_key, extensions):
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name)
                   .public_key(public_key).serial_number(x509.random_serial_number())
                   .not_valid_before(now - datetime.timedelta(days=1))
                   .not_valid_after(now + datetime.timedelta(days=1)))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        certificate = builder.sign(self.key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM)

    @contextlib.contextmanager
    def terminator(self, port, name):
        """TLS for `name` in front of 127.0.0.1:port. Yields its own port."""
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            names = [x509.IPAddress(ipaddress.ip_address(name))]
        except ValueError:
            names = [x509.DNSName(name)]
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        path = self.folder / f"{name}.pem"
        path.write_bytes(
            self._sign(subject, key.public_key(), [(x509.SubjectAlternativeName(names), False)]) +
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                              serialization.NoEncryption()))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)

        def serve(client):
            with contextlib.suppress(OSError), context.wrap_socket(client, server_side=True) \
                    as secure, socket.create_connection(("127.0.0.1", port)) as server:
                both_ways(secure, server)

        with listening(serve) as own:
            yield own


@contextlib.contextmanager
def listening(serve):
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)

    def accept():
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()


def both_ways(one, other):
    def pump(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    back = threading.Thread(target=pump, args=(other, one), daemon=True)
    back.start()
    pump(one, other)
    back.join()


class ConnectProxy:
    """Brings every CONNECT to 127.0.0.1:port, whatever host it asks for."""

    def __init__(self, port):
        self.port, self.asked = port, []
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        own = self.stack.enter_context(listening(self._serve))
        self.url = f"http://127.0.0.1:{own}"
        return self

    def __exit__(self, *_):
        self.stack.close()

    def _serve(self, client):
        with client, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                data = client.recv(65536)
                if not data:
                    return
                head += data
            self.asked.append(head.split()[1].decode())
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            with socket.create_connection(("127.0.0.1", self.port)) as server:
                both_ways(client, server)
