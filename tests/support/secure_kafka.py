"""A real broker that asks for TLS and a login (SCRAM-SHA-512) and lets nobody do what no ACL allows."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka.admin import (  # type: ignore[attr-defined]  # re-exported without saying so
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialUpsertion,
)

from stack.kafka import SHORT_LIVED
from stack.ports import free_port
from stack.servers import kafka_server
from tests.support.certificates import Certificates

ADMIN = "admin"
USERS = ("scorer", "sink", "page", "dlq", "producer", "stranger")
"""`stranger` has a login and no right at all."""

SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"


def password_of(user: str) -> str:
    """Return the password of a user of the test."""
    return f"{user}-pass#word"


@dataclass(frozen=True)
class SecureKafka:
    """Where the broker is and who signed its certificate."""

    bootstrap: str
    authority: Path

    def environment(self, user: str, password_file: Path) -> dict[str, str]:
        """Return the variables of a service that logs in as a user; the password goes to a file."""
        password_file.write_text(password_of(user) + "\n", encoding="utf-8")
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "KAFKA_CONF_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_CONF_SASL_MECHANISM": "SCRAM-SHA-512",
            "KAFKA_CONF_SASL_USERNAME": user,
            "KAFKA_CONF_SASL_PASSWORD_FILE": str(password_file),
            "KAFKA_CONF_SSL_CA_LOCATION": str(self.authority),
        }

    def client(self, user: str) -> dict[str, str]:
        """Return librdkafka's properties of a user."""
        return {
            "bootstrap.servers": self.bootstrap,
            "allow.auto.create.topics": "false",
            **_login(user, self.authority),
        }


@contextmanager
def secure_kafka(home: Path, certificates: Certificates) -> Iterator[SecureKafka]:
    """Run the broker while the block lasts; all USERS can log in."""
    login = _login(ADMIN, certificates.authority)
    with kafka_server(
        home, flags=SHORT_LIVED, properties=_properties(certificates), scram={ADMIN: password_of(ADMIN)}, login=login
    ) as server:
        admin = AdminClient({"bootstrap.servers": server.bootstrap, "allow.auto.create.topics": False, **login})
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        made: list[UserScramCredentialAlteration] = [
            UserScramCredentialUpsertion(user, info, password_of(user).encode()) for user in USERS
        ]
        for future in admin.alter_user_scram_credentials(made).values():
            future.result()
        yield SecureKafka(server.bootstrap, certificates.authority)


def _login(user: str, authority: Path) -> dict[str, str]:
    return {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": user,
        "sasl.password": password_of(user),
        "ssl.ca.location": str(authority),
    }


def _properties(certificates: Certificates) -> dict[str, str]:
    """Return the broker's properties: clients by SCRAM over TLS, the broker itself by its certificate."""
    brokers_port = free_port()
    return {
        "listeners": f"CLIENTS://{{host}}:{{port}},BROKERS://{{host}}:{brokers_port},"
        "CONTROLLER://{host}:{controller_port}",
        "advertised.listeners": f"CLIENTS://{{host}}:{{port}},BROKERS://{{host}}:{brokers_port}",
        "listener.security.protocol.map": "CLIENTS:SASL_SSL,BROKERS:SSL,CONTROLLER:SSL",
        "inter.broker.listener.name": "BROKERS",
        "listener.name.brokers.ssl.client.auth": "required",
        "listener.name.controller.ssl.client.auth": "required",
        "listener.name.clients.scram-sha-512.sasl.jaas.config": SCRAM,
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(certificates.both),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(certificates.authority),
        "ssl.principal.mapping.rules": "RULE:^.*$/broker/",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:broker;User:{ADMIN}",
        "allow.everyone.if.no.acl.found": "false",
    }
