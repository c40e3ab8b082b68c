//! A stand-in for Azure in this room's tests: answers by script, no sockets.
