"""The audit (审计): every access on record, in a chain that shows each change."""
