"""An OAI-PMH 2.0 data provider for open-access libraries whose items carry tags."""
