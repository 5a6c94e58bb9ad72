"""Who calls (调用方): identity and role of a caller, as its certificate says."""
