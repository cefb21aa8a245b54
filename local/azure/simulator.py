"""One simulated Azure on loopback: start it, point an app at it, make trouble, look."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

import trustme
import uvicorn
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from starlette.requests import Request

from local.azure.arm import Answer, Arm, Call, Route
from local.azure.authorization import Authorization
from local.azure.automation import Automation
from local.azure.buckets import Buckets
from local.azure.compute import Compute
from local.azure.control import control
from local.azure.directory import Directory
from local.azure.estate import Estate
from local.azure.faults import Faults
from local.azure.names import Found, NameServer
from local.azure.permissions import SEND_EVENTS, Permissions
from local.azure.ports import HOST, listen, naming, port_of
from local.azure.proxy import Proxy, ways_out
from local.azure.records import PublishedEvent, RequestRecord
from local.azure.refusals import Refusal
from local.azure.replication import Replication
from local.azure.resources import Resources
from local.azure.setup import Setup
from local.azure.site_recovery import SiteRecovery
from local.azure.tokens import TokenOffice
from local.azure.traffic import TrafficChange, TrafficProfile
from local.azure.traffic_manager import TrafficManager
from local.azure.web import Server, SeverableProtocol, Web
from local.azure.world import Contact, Reply, World
from local.clock import Clock

START_SECONDS = 10
PORT_ATTEMPTS = 20
OUTSIDE_ARM = ("token/", "events/", "directory/")


class Simulator:
    """A simulated Azure; every instance is a world of its own."""

    def __init__(
        self,
        estate: Estate,
        clock: Clock,
        *,
        port: int = 0,
        proxy_port: int = 0,
        dns_port: int = 0,
        page_size: int = 100,
        buckets: bool = True,
        durations: Mapping[str, tuple[float, float]] | None = None,
        also: Iterable[Route] = (),
        signing_key: RSAPrivateKey | None = None,
    ) -> None:
        """Make a world; ``also`` are operations beyond the simulator's own, and go before them.

        Without a ``signing_key`` the tenant makes one of its own.
        """
        began = clock.now()
        self.estate = estate
        self.clock = clock
        self.faults = Faults()
        self.requests: list[RequestRecord] = []
        self.observers: list[Callable[[RequestRecord], None]] = []
        self.traffic_history: list[TrafficChange] = []
        self.published_events: list[PublishedEvent] = []
        self.permissions = Permissions(estate)
        self.tokens = TokenOffice(self.permissions.name_of)
        self.directory = Directory(estate, signing_key)
        self.world = World(estate, began)
        self.setup = Setup(estate)
        resources = Resources(self.world, self.setup)
        self.automation = Automation(estate, self.world)
        self.replication = Replication(self.setup, self.world, began, durations or {})
        note = self.traffic_history.append
        profiles = {
            p.name.lower(): TrafficProfile(p, self.world, began, note) for p in estate.profiles
        }
        self.traffic = TrafficManager(profiles, self.world, note)
        self._lock = threading.RLock()
        self._ports = (port, proxy_port, dns_port)
        self._arm = Arm(
            estate,
            [
                *also,
                *SiteRecovery(self.replication, page_size).routes(),
                *self.traffic.routes(),
                *Compute(self.world, resources).routes(),
                *resources.routes(),
                *self.automation.routes(),
                *Authorization(self.permissions).routes(),
            ],
            self.tokens,
            self.permissions,
            Buckets(buckets),
            self.faults,
            self.world.set_region,
            self.settle,
        )
        self._directory: TemporaryDirectory[str] | None = None
        self._thread: threading.Thread | None = None
        self._server: Server | None = None
        self._started = threading.Event()
        self._trouble: BaseException | None = None

    def start(self) -> None:
        """Listen on loopback; returns when every port answers."""
        self._directory = TemporaryDirectory(prefix="simulator-")
        self._thread = threading.Thread(target=self._run, name="simulator", daemon=True)
        self._thread.start()
        if not self._started.wait(START_SECONDS):
            raise TimeoutError(f"the simulator did not start within {START_SECONDS} s")
        if self._trouble is not None:
            self.stop()
            said = f"the simulator could not start: {self._trouble}"
            raise RuntimeError(said) from self._trouble

    def stop(self) -> None:
        """Stop listening; what was recorded stays."""
        if self._server is not None:
            self._server.end()
        if self._thread is not None:
            self._thread.join(START_SECONDS)
        if self._directory is not None:
            self._directory.cleanup()
            self._directory = None

    def __enter__(self) -> Simulator:
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    @property
    def arm_endpoint(self) -> str:
        """Return the address of ARM."""
        return f"https://{HOST}:{self._ports[0]}"

    @property
    def proxy_endpoint(self) -> str:
        """Return the address of the forward proxy and the control API."""
        return f"http://{HOST}:{self._ports[1]}"

    @property
    def certificate(self) -> Path:
        """Return the file with the certificate authority to trust."""
        if self._directory is None:
            raise RuntimeError("the simulator is not running; start() it first")
        return Path(self._directory.name) / "ca.pem"

    def environment(self) -> dict[str, str]:
        """Return the environment variables with which an app finds this Azure."""
        return {
            "ARM_ENDPOINT": self.arm_endpoint,
            "REQUESTS_CA_BUNDLE": str(self.certificate),
            "IDENTITY_ENDPOINT": f"{self.arm_endpoint}/msi/token",
            "IDENTITY_HEADER": self.tokens.header,
            **{
                f"{name.upper()}_CLIENT_ID": client
                for name, client in self.permissions.client_ids.items()
            },
            "ENTRA_AUTHORITY": self.directory.authority,
            "ENTRA_TENANT_ID": self.directory.tenant,
            "ENTRA_CLIENT_ID": self.directory.audience,
            **ways_out(self.proxy_endpoint),
            "DNS_RESOLVERS": f"{HOST}:{self._ports[2]}",
            "EVENT_TOPIC_ENDPOINT": f"{self.arm_endpoint}/api/events",
            "NO_PROXY": HOST,
        }

    def set_region(self, region: str, *, down: bool) -> None:
        """Cut a region off from now on, or connect it again."""
        with self._lock:
            now = self.clock.now()
            self.settle(now)
            self.world.set_region(region, down, now)

    def settle(self, now: datetime | None = None) -> None:
        """Let everything happen that was due by ``now``: jobs first, then probes."""
        with self._lock:
            at = now or self.clock.now()
            self.replication.settle(at)
            self.traffic.settle(at)

    def arm_requests(self) -> int:
        """Return how many requests went to ARM."""
        with self._lock:
            return sum(not record.operation.startswith(OUTSIDE_ARM) for record in self.requests)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._trouble = error
            self._started.set()
            if not isinstance(error, Exception):
                raise

    async def _serve(self) -> None:
        async with AsyncExitStack() as listening:
            proxy = Proxy(self._reach, self._control)
            with naming(self._ports[1], "--proxy-port"):
                plain = await asyncio.start_server(proxy.serve, HOST, self._ports[1])
            listening.callback(plain.close)
            with naming(self._ports[2], "--dns-port"):
                names = await self._serve_names(listening)
            with naming(self._ports[0], "--port"):
                tls = listen(self._ports[0])
            self._ports = (
                port_of(tls),
                port_of(plain.sockets[0]),
                port_of(names.get_extra_info("socket")),
            )
            self.directory.authority = self.arm_endpoint
            server = self._server = Server(self._tls_side(self._tls()))
            self._started.set()
            await server.serve(sockets=[tls])

    def _tls_side(self, context: ssl.SSLContext) -> uvicorn.Config:
        return uvicorn.Config(
            Web(
                self._new_call,
                {
                    "/msi/token": self._token,
                    "/api/events": self._events,
                    f"/{self.directory.tenant}/{{path:path}}": self._tenant,
                    "/{path:path}": self._manage,
                },
            ).app,
            http=SeverableProtocol,
            loop="asyncio",
            lifespan="off",
            ws="none",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=75,
            ssl_context_factory=lambda _config, _default: context,
        )

    async def _serve_names(self, listening: AsyncExitStack) -> asyncio.DatagramTransport:
        """Listen on one port for UDP and TCP; a chosen UDP port may be taken for TCP."""
        loop = asyncio.get_running_loop()
        protocol = NameServer(self._resolve, self._lock)
        for _ in range(PORT_ATTEMPTS):
            transport, _ = await loop.create_datagram_endpoint(
                lambda: protocol, local_addr=(HOST, self._ports[2])
            )
            try:
                stream = await asyncio.start_server(
                    protocol.serve_stream, HOST, port_of(transport.get_extra_info("socket"))
                )
            except OSError:
                transport.close()
                if self._ports[2]:
                    raise
                continue
            listening.callback(transport.close)
            listening.callback(stream.close)
            return transport
        raise OSError(f"no free port for DNS in {PORT_ATTEMPTS} attempts; name one")

    def _tls(self) -> ssl.SSLContext:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.certificate))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(HOST, "localhost").configure_cert(context)
        return context

    def _new_call(self, request: Request, body: bytes) -> Call:
        return Call(
            method=request.method,
            path=request.scope["path"],
            query=request.url.query,
            headers=request.headers,
            raw_body=body,
            now=self.clock.now(),
            base=self.arm_endpoint,
        )

    def _manage(self, call: Call) -> Answer:
        with self._lock:
            answer = self._arm.answer(call)
            self._record(call, answer)
            return answer

    def _token(self, call: Call) -> Answer:
        with self._lock:
            call.operation = "token/get"
            resource, client = call.argument("resource"), call.argument("client_id")
            header = call.headers.get("x-identity-header", "")
            granted = self.tokens.grant(header, resource, call.api_version, client)
            call.identity = self.permissions.name_of(client) or ""
            answer = Answer(*granted)
            answer.headers.append(("content-type", "application/json; charset=utf-8"))
            self._record(call, answer)
            return answer

    def _tenant(self, call: Call) -> Answer:
        with self._lock:
            answer = self.directory.serve(call)
            self._record(call, answer)
            return answer

    def _events(self, call: Call) -> Answer:
        with self._lock:
            call.operation = "events/publish"
            try:
                token = self.tokens.admit(call.headers.get("authorization", ""), None)
                call.identity, call.action = (
                    self.permissions.name_of(token.client_id) or "",
                    SEND_EVENTS,
                )
                body = call.body_list()
                self.published_events += [PublishedEvent(call.now, event) for event in body]
                answer = Answer(200, accepted=True)
            except Refusal as refusal:
                body_of = refusal.body(call.client_request_id, call.correlation_id)
                answer = Answer(refusal.status, body_of, list(refusal.headers))
            call.accepted = answer.accepted
            self._record(call, answer)
            return answer

    def _record(self, call: Call, answer: Answer) -> None:
        record = RequestRecord(
            ordinal=len(self.requests) + 1,
            at=call.now,
            method=call.method,
            path=call.path,
            operation=call.operation,
            status=0 if call.lost else answer.status,
            accepted=call.accepted,
            item=call.item,
            identity=call.identity,
            action=call.action,
        )
        self.requests.append(record)
        for observer in list(self.observers):
            observer(record)

    def _control(self, method: str, target: str, body: bytes) -> tuple[int, object]:
        with self._lock:
            self.settle()
            return control(self, method, target, body)

    def _reach(self, host: str, port: int, path: str) -> Reply:
        with self._lock:
            now = self.clock.now()
            self.settle(now)
            profile = self.traffic.by_fqdn(host)
            endpoint = profile.answer() if profile else None
            if profile and endpoint is None:
                return Reply(Contact.UNKNOWN_NAME)
            return self.world.connect(endpoint.target if endpoint else host, port, path, now)

    def _resolve(self, host: str) -> Found | None:
        self.settle()
        profile = self.traffic.by_fqdn(host)
        if profile is None:
            public = self.world.public_name(host)
            by_name = public is not None and public.host.lower() == host.lower()
            return Found(public.address, 60) if public and by_name else None
        endpoint = profile.answer()
        if endpoint is None:
            return None
        public = self.world.public_name(endpoint.target)
        return Found(public.address if public else "", profile.ttl, endpoint.target)
