"""The commands of FMCOS 2.0, one module per group; :mod:`simulator.dialects.fmcos` puts them together."""
