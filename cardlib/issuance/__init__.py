"""From a blank chip to a person's card (制卡): what is ordered, how it is done step by step, what proves it."""
