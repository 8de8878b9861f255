"""The login page: a person's way in, by browser. It ends where every login of a person ends, in a login grant."""
