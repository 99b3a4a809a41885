"""A ROS 2 node: `image` in, `mask` (mono8, class ids) and `label_info` (their names) out.

sudo apt install ros-jazzy-vision-msgs
python examples/ros2_node.py --ros-args -r image:=/camera/image_raw -p model:=seaformer-t-camvid
"""

import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import Image
from vision_msgs.msg import LabelInfo, VisionClass

from seaformer_edge import Segmenter
from seaformer_edge.hub.zoo import resolve_model


class SegmentationNode(Node):
    def __init__(self):
        super().__init__("seaformer_edge")
        model = self.declare_parameter("model", "seaformer-t-everyday").value
        self.segmenter = Segmenter.from_path(resolve_model(model))
        names = enumerate(self.segmenter.card.classes)
        classes = [VisionClass(class_id=class_id, class_name=name) for class_id, name in names]
        kept = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.infos = self.create_publisher(LabelInfo, "label_info", kept)
        self.infos.publish(LabelInfo(class_map=classes))
        self.masks = self.create_publisher(Image, "mask", 1)
        self.create_subscription(Image, "image", self.on_image, qos_profile_sensor_data)

    def on_image(self, message):  # rgb8 or bgr8
        size = message.height, message.width
        rows = np.frombuffer(message.data, np.uint8).reshape(message.height, message.step)
        image = rows[:, : 3 * message.width].reshape(*size, 3)
        image = image[..., ::-1] if message.encoding == "bgr8" else image
        ids = self.segmenter(np.ascontiguousarray(image)).label_map
        mask = Image(header=message.header, height=size[0], width=size[1], step=size[1])
        mask.encoding, mask.data = "mono8", ids.tobytes()
        self.masks.publish(mask)


if __name__ == "__main__":
    rclpy.init()
    rclpy.spin(SegmentationNode())
