"""The keeper: one small process per engine that goes on while wharfd is away. It answers names."""
