"""Activation (激活): the social security function of a card that its holder has received is turned on."""
