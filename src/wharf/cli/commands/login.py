"""`login`: prove to a registry who one is, and keep the proof."""

from __future__ import annotations

import sys

from wharf.cli import credentials
from wharf.cli.command import Command
from wharf.cli.errors import CliError
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import STRING, SWITCH
from wharf.cli.streams.terminal import STDIN, is_terminal
from wharf.client import registries
from wharf.client.errors import ApiError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.credentials import Account
    from wharf.cli.session import Session

_UNENCRYPTED = """
WARNING! Your credentials are stored unencrypted in '{}'.
Configure a credential helper to remove this warning. See
https://docs.docker.com/go/credential-store/
"""
_OTHER_ACCOUNT = """
 Info -> To login with a different account, run 'docker logout' followed by 'docker login'
"""


def run(session: Session, parsed: Parsed) -> None:
    """Log in with what was given, with what is kept, or with what is typed."""
    user, password = parsed.text("username"), _password(session, parsed)
    key = credentials.host_of(parsed.arguments[0] if parsed.arguments else "")
    kept = {} if user or password else credentials.find(session.config, key)
    if kept.get("identitytoken") or (kept.get("username") and kept.get("password")):
        if _log_in_again(session, key, kept):
            return
        user, password = kept.get("username", ""), ""
    elif not user:
        user = kept.get("username", "")
    account = _ask(key, user, password)
    _log_in(session, key, account)


def _password(session: Session, parsed: Parsed) -> str:
    if not parsed.on("password-stdin"):
        if parsed.text("password"):
            session.warn("WARNING! Using --password via the CLI is insecure. Use --password-stdin.")
        return parsed.text("password")
    if parsed.text("password"):
        raise CliError("conflicting options: cannot specify both --password and --password-stdin")
    if not parsed.text("username"):
        raise CliError("the --password-stdin option requires --username to be set")
    return sys.stdin.read().removesuffix("\n").removesuffix("\r")


def _log_in_again(session: Session, key: str, kept: Account) -> bool:
    """Log in with what is kept; return whether the registry still takes it."""
    named = f" [Username: {kept['username']}]" if kept.get("username") else ""
    print(f"Authenticating with existing credentials...{named}", flush=True)
    session.warn(_OTHER_ACCOUNT)
    try:
        _log_in(session, key, kept)
    except ApiError as error:
        if error.status != 401:
            raise
        session.warn(f"Login did not succeed, error: {error}")
        return False
    return True


def _ask(key: str, user: str, password: str) -> Account:
    """Ask on the terminal for what is missing of name and password."""
    if (not user or not password) and not is_terminal(STDIN):
        raise CliError("Error: Cannot perform an interactive login from a non TTY device")
    if not user:
        if key == credentials.INDEX:
            print(
                "Log in with your Docker ID or email address to push and pull images from Docker Hub. "
                "If you don't have a Docker ID, head over to https://hub.docker.com/ to create one."
            )
        user = input("Username: ").strip()
        if not user:
            raise CliError("Error: Non-null Username Required")
    if not password:
        import getpass

        password = getpass.getpass("Password: ")
        if not password:
            raise CliError("Error: Password Required")
    return {"username": user, "password": password}


def _log_in(session: Session, key: str, account: Account) -> None:
    answer = registries.login(session.engine, {**account, "serveraddress": key})
    if token := answer.get("IdentityToken"):
        account = {"username": account.get("username", ""), "password": "", "identitytoken": token}
    try:
        is_plain = credentials.keep(session.config, key, account)
    except CliError as error:
        raise CliError(f"Error saving credentials: {error}") from None
    except OSError as error:
        raise CliError(f"Error saving credentials: {error.strerror or error}") from None
    if is_plain:
        session.warn(_UNENCRYPTED.format(session.config.path))
    if status := answer.get("Status"):
        print(status)


COMMAND = Command(
    "[OPTIONS] [SERVER]",
    run,
    most=1,
    flags=(
        Flag("password", STRING, "Password or Personal Access Token (PAT)", short="p"),
        Flag("password-stdin", SWITCH, "Take the Password or Personal Access Token (PAT) from stdin"),
        Flag("username", STRING, "Username", short="u"),
    ),
    long="Authenticate to a registry.\nDefaults to Docker Hub if no server is specified.",
)
