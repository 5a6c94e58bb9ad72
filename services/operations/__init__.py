"""The journal of what changes something (业务日志): written ahead, resumed by the same request."""
