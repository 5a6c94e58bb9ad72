"""A hospital's point of service: who is the patient, first registration, PIN, what insurance says.

    python hospital_pos.py SERVER CA.pem CLIENT.pem CLIENT.key

The certificate has the role `hospital`. It waits for a card, keeps it while it works with it, and lets it go. A line on
standard input is the holder's PIN, at the first registration the one that the holder chooses; an empty one is none.
"""

import sys
from getpass import getpass
from pathlib import Path
from uuid import uuid4

import grpc
from google.rpc.error_details_pb2 import ErrorInfo, LocalizedMessage
from grpc_status import rpc_status

from sscard.v1 import activation_pb2, card_pb2, lease_pb2, pin_pb2, reader_pb2
from sscard.v1.activation_pb2_grpc import ActivationServiceStub
from sscard.v1.card_pb2_grpc import CardServiceStub
from sscard.v1.pin_pb2_grpc import PinServiceStub
from sscard.v1.reader_pb2_grpc import ReaderServiceStub


def main(server: str, ca: str, certificate: str, key: str) -> bool:
    """Serve one patient; whether all went well."""
    files = (Path(name).read_bytes() for name in (ca, key, certificate))
    with grpc.secure_channel(server, grpc.ssl_channel_credentials(*files)) as channel:
        reader = wait_for_card(ReaderServiceStub(channel))
        pin = getpass("密码 PIN: ") if sys.stdin.isatty() else sys.stdin.readline().strip()
        cards = CardServiceStub(channel)
        held = cards.AcquireCard(lease_pb2.AcquireCardRequest(reader=reader), timeout=30).state.lease
        try:
            register(ActivationServiceStub(channel), held, pin)
            if pin and not verify(PinServiceStub(channel), held, pin):
                return False
            show_insurance(cards, held)
            return True
        finally:
            cards.ReleaseCard(lease_pb2.ReleaseCardRequest(lease=held), timeout=30)


def wait_for_card(stub: ReaderServiceStub) -> str:
    """The name of a reader with a card in it, as soon as there is one."""
    print("请插入社会保障卡。Please insert the card.")
    for answer in stub.WatchReaders(reader_pb2.WatchReadersRequest()):
        if answer.event.kind == reader_pb2.ReaderEvent.KIND_CARD_INSERTED:
            return answer.event.reader.name
    raise SystemExit("the service has ended")


def register(stub: ActivationServiceStub, held: lease_pb2.CardLease, pin: str) -> None:
    """Outpatient registration: the first one activates the card and sets the PIN, every later one just reads.

    A program that keeps the request id, and sends the request again after an interruption, loses nothing.
    """
    request = activation_pb2.ActivateAtHospitalRequest(
        lease=held, request_id=str(uuid4()), registration=activation_pb2.REGISTRATION_OUTPATIENT, new_pin=pin
    )
    for answer in stub.ActivateAtHospital(request, timeout=60):
        if answer.WhichOneof("event") == "outcome":
            patient = answer.outcome
            print(f"{patient.name}, {patient.social_security_number[:6]}…: ", end="")
            print("本次激活 activated now" if patient.activated else "此前已激活 activated before")


def verify(stub: PinServiceStub, held: lease_pb2.CardLease, pin: str) -> bool:
    """Whether the card takes the PIN; the service itself sees to it that no try is wasted."""
    answer = stub.VerifyPin(pin_pb2.VerifyPinRequest(lease=held, pin=pin), timeout=30)
    print(f"PIN: {pin_pb2.PinResult.Name(answer.result)}, tries left {answer.tries_left}")
    return answer.verified


def show_insurance(stub: CardServiceStub, held: lease_pb2.CardLease) -> None:
    """What the card says of medical insurance, file by file."""
    answer = stub.ReadFiles(card_pb2.ReadFilesRequest(lease=held, files=["medical_insurance", "health"]), timeout=60)
    for result in answer.results:
        print(result.file, "read" if result.read else f"{result.reason} {result.chinese_message}")


def explain(error: grpc.RpcError) -> str:
    """The reason, which is the contract, and what the service says to people, in Chinese and English."""
    status = rpc_status.from_call(error)
    info, text, told = ErrorInfo(), LocalizedMessage(), []
    for detail in status.details if status else ():
        if detail.Unpack(info):
            told += [info.reason]
        elif detail.Unpack(text):
            told += [text.message]
    return "\n".join(told) or f"{error.code().name}: {error.details()}"


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    try:
        sys.exit(0 if main(*sys.argv[1:]) else 1)
    except OSError as error:
        sys.exit(f"{error.filename}: {error.strerror}")
    except grpc.RpcError as error:
        sys.exit(explain(error))
