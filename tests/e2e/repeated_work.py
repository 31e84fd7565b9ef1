"""Something done again and again on a server, beside the test."""

import threading

from scratch import Failed


class RepeatedWork:
    """Does its step over a connection of its own, from entering to leaving. A failure is raised on
    leaving."""

    def __init__(self, server, pause_s):
        self.server = server
        self.pause_s = pause_s
        self.stopping = threading.Event()
        self.failure = None
        self.thread = threading.Thread(target=self._run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()
        if self.failure:
            raise Failed(type(self).__doc__) from self.failure

    def step(self, cursor):
        raise NotImplementedError

    def _run(self):
        try:
            connection = self.server.connect()
            cursor = connection.cursor()
            while not self.stopping.wait(self.pause_s):
                self.step(cursor)
            connection.close()
        except Exception as error:  # told by the main thread
            self.failure = error
