# SPDX-License-Identifier: Apache-2.0
"""Python: pip install octet && python run.py model.tflite"""
import sys

import numpy as np
import octet

interpreter = octet.Interpreter(model_path=sys.argv[1] if len(sys.argv) > 1 else "model.tflite")
interpreter.allocate_tensors()
detail = interpreter.get_input_details()[0]
interpreter.set_tensor(detail["index"], np.zeros(detail["shape"], detail["dtype"]))
interpreter.invoke()
output = interpreter.get_output_details()[0]
value = interpreter.get_tensor(output["index"])
print(f"{output['name']}: {value.nbytes} bytes, first value {value.ravel()[0]:g}")
