"""What is wrong with certificates and their keys."""


class CertificateError(Exception):
    """A certificate or a key cannot be used or made; the message says what to change. It never has a key's text."""
