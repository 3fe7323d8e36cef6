"""Where credentials come from. A provider only fetches: no caching, no retries, no printing."""
