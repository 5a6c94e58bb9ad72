"""Making cards for callers: the journal, the certificate, and the service (制卡服务)."""
