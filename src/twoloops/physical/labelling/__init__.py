"""From a question to its labels: asking, answering, and files that carry both."""
