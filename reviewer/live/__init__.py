"""What happens, on the page while it happens.

hub         one a process: who listens to what, and the fan-out of what was read and rendered once
subscriber  one a connection: a bounded queue, so that a slow reader waits for nobody but itself
reader      the database's side, in the hub's own threads: facts to HTML, and who may see them
watch       the queue as one reader watches it
bridge      what one process tells the others, over the wire (Redis, or NOTIFY)
consumer    the socket; asgi puts it all into a server

The journal is the truth and everything here may be lost: a message, a socket, a process. What brings a page
up to date again is always the same question, "what has changed after seq n?".
"""
