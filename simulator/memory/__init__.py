"""What a chip remembers without power: EEPROM, the journal that makes a command all or nothing, and what is stored."""
