"""A laboratory in one box: computers that are network namespaces, each with a clock of its own.

box.py        whose laboratory it is: names, and what a killed one left
network.py    hosts, a switch, and the cables between them
faults.py     what happens to cables: cut, cut in silence, thin, slow
forwarder.py  a process in the middle of a cable that delays what passes
cluster.py    a scheduler and meshds on the hosts, and meshctl at a desk
clocks.py     how far the machines' mesh time is off, which only the maker of their clocks can know
command.py    scripts/lab
"""
