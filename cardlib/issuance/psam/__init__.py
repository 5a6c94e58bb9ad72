"""Issuing PSAMs (PSAM发卡) with all keys in custody: from the vendor's blank chip to the proven module.

The steps and their order are inference [S2.9 has files and key loading, and no procedure]; the vendor's commands are
those of one public dialect (:mod:`cardlib.psam_building`).
"""
