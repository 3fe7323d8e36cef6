"""`keywright install` and `uninstall`: putting keywright into the configuration of its clients, and out again."""
