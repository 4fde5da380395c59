"""The network drivers; each implements `wharf.network.driver.Driver`."""
