from rtmesh import Node, every


class Source(Node):
    @every(hz="parameter:rate")
    def sample(self):
        self.outputs.samples.send()
