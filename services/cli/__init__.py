"""``sscard``: the service, and everything that people do with it from a terminal."""

import typer

from services.cli import (
    access,
    activate,
    apdu,
    audit,
    card_files,
    certificate,
    certs,
    check,
    conformance,
    decode,
    demo,
    issuance,
    issue,
    issue_psam,
    keys,
    options,
    pin,
    profile,
    read,
    readers,
    registry,
    serve,
    simulate,
    slot,
    store,
)

app = typer.Typer(
    name="sscard",
    help="社会保障卡 · Middleware and service for the Chinese social security card.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command("serve")(serve.serve)
app.command("readers")(readers.readers)
app.command("read")(read.read)
app.command("issue")(issue.issue)
app.command("check")(check.check)
app.command("certificate")(certificate.certificate)
app.command("issue-psam")(issue_psam.issue_psam)
app.command("verify")(issue.verify)
app.command("face")(issue.face)
app.command("apdu")(apdu.apdu)
app.command("conformance")(conformance.conformance)
app.command("decode")(decode.decode_trace)
app.add_typer(profile.app, name="profile")
app.command("simulate")(simulate.simulate)
app.add_typer(slot.app, name="slot")
app.add_typer(card_files.app, name="card")
app.add_typer(issuance.app, name="issuance")
app.add_typer(store.app, name="store")
app.add_typer(keys.app, name="keys")
app.add_typer(certs.app, name="certs")
app.add_typer(registry.app, name="registry")
app.add_typer(activate.app, name="activate")
app.add_typer(activate.records, name="activation")
app.add_typer(pin.app, name="pin")
app.add_typer(audit.app, name="audit")
app.command("access")(access.access)
app.command("demo")(demo.demo)
app.callback()(options.identified)


def main() -> None:
    """Run the command line."""
    app()
