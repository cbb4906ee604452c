"""The parts of kill_test.py."""
