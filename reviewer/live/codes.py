"""Why a socket is closed. They are sent after accepting it: refused before, a browser sees only 1006 and
tries again for ever."""

SIGNED_OUT = 4401  # The page asks over HTTP whether that is so, and says it.
NOT_UNDERSTOOD = 4400
RENEW = 4408  # A socket lives an hour; the page opens the next one.
RESTART = 1012
