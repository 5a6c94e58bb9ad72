"""What the performance goals are measured with: ``python -m bench``, or ``make bench``."""
