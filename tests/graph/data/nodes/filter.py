from rtmesh import Node, on


class Filter(Node):
    @on("samples")
    def filter(self, sample):
        self.outputs.levels.send(level=self.inputs.target.latest().point.x)

    @on("manual_gain")
    def set_gain(self, gain):
        self.gain = gain.level
