"""Chaos: everything that may die or lie does so for minutes, and then the books are checked.

settings, executors   the project as the chaos runs it: short leases, nudges that are dropped and doubled
workflows, turns      what runs: threads of one turn, and of many
bank, watch           the table where atomic tasks leave their effects, and that of leases taken while they stood
outside               the log that no database keeps: starts of tasks, answers, injections
nursery               forks the project's processes, quickly enough to kill one a second
proxy                 stands before PostgreSQL and cuts connections at COMMIT
people, clerk, pusher start threads, answer questions over the verbs and over HTTP, retry what failed, start anew
trouble               injects, and counts what it injected
aftermath             reads database and log when all is over, and says what is wrong; of leases in `fences`, of
                      threads with many turns in `lines`
report                the figures, as docs/chaos.md keeps them
"""
