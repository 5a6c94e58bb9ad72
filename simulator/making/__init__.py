"""From blank chips to finished cards (制卡), by the commands that a factory would send."""
