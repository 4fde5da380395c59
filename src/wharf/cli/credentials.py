"""Credentials for registries: where `login` keeps them, and what requests carry.

They lie in config.json, or with a helper program (`docker-credential-<name>`, asked on its standard input):
`credHelpers` names one for a registry, `credsStore` one for all.
"""

from __future__ import annotations

from wharf.cli.reference import DEFAULT_DOMAIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.config import ClientConfig
    from wharf.cli.session import Session

INDEX = "https://index.docker.io/v1/"
"""Under which name the credentials for Docker's own registry are kept."""

_TOKEN_USER = "<token>"  # noqa: S105 - the name that helpers keep identity tokens under
_INDEX_NAMES = ("", DEFAULT_DOMAIN, "index.docker.io", "registry-1.docker.io", INDEX)

Account = dict[str, str]
"""`username`, `password`, `identitytoken`: what of them is known."""


def host_of(server: str) -> str:
    """Return the name that the credentials of `server` are kept under: its host, or Docker's index."""
    bare = server.partition("://")[2] if "://" in server else server
    host = bare.partition("/")[0]
    return INDEX if server in _INDEX_NAMES or host in _INDEX_NAMES else host


def registry_auth(session: Session, domain: str) -> str:
    """Return the credentials for the registry at `domain` as a header's value; empty where there are none."""
    key = INDEX if domain == DEFAULT_DOMAIN else domain
    account = find(session.config, key)
    return encode({**account, "serveraddress": key}) if account else ""


def encode(fields: Account) -> str:
    """Return `fields` as the header X-Registry-Auth takes them."""
    import base64
    import json

    return base64.urlsafe_b64encode(json.dumps(fields, separators=(",", ":")).encode()).decode()


def find(config: ClientConfig, key: str) -> Account:
    """Return what is known for the registry `key`; a helper that fails knows nothing."""
    if helper := _helper_of(config, key):
        return _ask_helper(helper, key)
    accounts = config.table("auths")
    account = accounts.get(key)
    if not isinstance(account, dict):
        same = (value for name, value in accounts.items() if host_of(name) == key)
        account = next(same, None)
    return _decoded(account) if isinstance(account, dict) else {}


def keep(config: ClientConfig, key: str, account: Account) -> bool:
    """Keep the credentials; return whether a password lies unencrypted now.

    Raises:
        HelperError: the helper did not take them.
        OSError: config.json cannot be written.
    """
    helper = _helper_of(config, key)
    token = account.get("identitytoken", "")
    if helper:
        import json

        from wharf.cli.credential_helper import call

        secret = {"ServerURL": key, "Username": account.get("username", ""), "Secret": account["password"]}
        if token:
            secret.update(Username=_TOKEN_USER, Secret=token)
        call(helper, "store", json.dumps(secret, separators=(",", ":")))
        config.change("auths", {**config.table("auths"), key: {}})
        return False
    config.change("auths", {**config.table("auths"), key: _encoded(account)})
    return bool(account.get("password"))


def forget(config: ClientConfig, key: str) -> list[str]:
    """Forget the credentials under every form of the name `key`; return what went wrong."""
    from wharf.cli.credential_helper import HelperError, call

    failures: list[str] = []
    names = [key] if key == INDEX else [key, f"http://{key}", f"https://{key}"]
    for name in names:
        if helper := _helper_of(config, name):
            try:
                call(helper, "erase", name)
            except HelperError as error:
                failures.append(f"{name}: {error}")
    kept = config.table("auths")
    left = {name: value for name, value in kept.items() if name not in names}
    if len(left) < len(kept):
        config.change("auths", left)
    return failures


def _helper_of(config: ClientConfig, key: str) -> str:
    helper = config.table("credHelpers").get(key)
    return str(helper) if helper else config.text("credsStore")


def _ask_helper(helper: str, key: str) -> Account:
    import json

    from wharf.cli.credential_helper import HelperError, call

    try:
        answer = json.loads(call(helper, "get", key))
    except (HelperError, ValueError):
        return {}
    if not isinstance(answer, dict):
        return {}
    user, secret = str(answer.get("Username", "")), str(answer.get("Secret", ""))
    return {"identitytoken": secret} if user == _TOKEN_USER else {"username": user, "password": secret}


def _encoded(account: Account) -> Account:
    import base64

    text = f"{account.get('username', '')}:{account.get('password', '')}"
    entry = {"auth": base64.b64encode(text.encode()).decode()}
    if token := account.get("identitytoken"):
        entry["identitytoken"] = token
    return entry


def _decoded(entry: dict[str, object]) -> Account:
    import base64

    account = {}
    if encoded := entry.get("auth"):
        try:
            user, _, password = base64.b64decode(str(encoded)).decode().partition(":")
        except ValueError:
            return {}
        account = {"username": user, "password": password.rstrip("\0")}
    for name in ("identitytoken", "registrytoken"):
        if token := entry.get(name):
            account[name] = str(token)
    return account
