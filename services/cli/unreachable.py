"""Why a service could not be spoken to, in words: gRPC says it in those of its libraries."""

from typing import Final, NamedTuple


class Cause(NamedTuple):
    """What a connection failed of; ``sign``: what gRPC's text has in it then."""

    sign: str
    english: str
    chinese: str


NOT_CONNECTED: Final = ("failed to connect", "errors resolving")
"""How gRPC's text begins where there was no connection at all."""

CAUSES: Final = (
    Cause(
        "Hostname Verification Check failed",
        "the service's certificate is for another name; call it by a name that `sscard certs show` tells of its "
        "certificate, or have one made for this name",
        "服务端证书与所用地址不符，请使用证书中的名称，或为该地址另行签发证书。",
    ),
    Cause(
        "certificate has expired",
        "the service's certificate, or its authority's, is over; its administrator renews it",
        "服务端证书已过期，请管理员更新。",
    ),
    Cause(
        "CERTIFICATE_VERIFY_FAILED",
        "the service's certificate comes from no authority in --ca; ask its administrator for the right file",
        "服务端证书不是由 --ca 中的机构签发，请向管理员索取正确的文件。",
    ),
    Cause(
        "WRONG_VERSION_NUMBER",
        "what listens there speaks without TLS; look at the address, or leave --certificate, --key and --ca out",
        "该服务未使用 TLS，请核对地址，或不使用证书选项。",
    ),
    *(
        Cause(
            sign,
            "the service hangs up: it asks for a certificate, and was shown none, or one that it does not accept; give "
            "one with --certificate, --key and --ca",
            "服务要求证书，未出示证书或证书未被接受，请使用 --certificate、--key、--ca。",
        )
        for sign in ("Socket closed", "Connection reset", "Broken pipe")
    ),
    Cause(
        "Connection refused",
        "nobody listens there; start a service with `sscard serve`, or look at the address",
        "该地址没有服务，请先运行 sscard serve，或核对地址。",
    ),
    Cause(
        "errors resolving",
        "there is no machine of this name; look at the address",
        "找不到该主机，请核对地址。",
    ),
)
"""The first whose sign is there is it."""

UNKNOWN: Final = (
    "Start one with `sscard serve`; one that asks for certificates takes --certificate, --key and --ca. "
    "请先运行 sscard serve；服务要求证书时请提供证书。"
)
LOST: Final = (
    "Repeat the command, with --request-id where it has shown a number. 请重发；已显示请求编号的，请带上 --request-id。"
)


def unreachable(details: str) -> str:
    """What to say of a call that ended with UNAVAILABLE on its way; ``details``: gRPC's own."""
    if not details.startswith(NOT_CONNECTED):
        return f"the connection to the service was lost: {details}\n        {LOST}"
    for cause in CAUSES:
        if cause.sign in details:
            return f"no service answers: {cause.english}\n        {cause.chinese}"
    return f"no service answers: {details}\n        {UNKNOWN}"
