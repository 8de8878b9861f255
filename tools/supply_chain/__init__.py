"""The operator's supply chain: its bill of materials, its licences, and the audit of known vulnerabilities."""
