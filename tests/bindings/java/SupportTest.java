// SPDX-License-Identifier: Apache-2.0
// The image and label helpers. Usage: SupportTest MODELS
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.tensorflow.lite.DataType;
import org.tensorflow.lite.support.common.FileUtil;
import org.tensorflow.lite.support.common.TensorProcessor;
import org.tensorflow.lite.support.common.ops.CastOp;
import org.tensorflow.lite.support.common.ops.DequantizeOp;
import org.tensorflow.lite.support.common.ops.NormalizeOp;
import org.tensorflow.lite.support.common.ops.QuantizeOp;
import org.tensorflow.lite.support.image.ImageProcessor;
import org.tensorflow.lite.support.image.TensorImage;
import org.tensorflow.lite.support.image.ops.ResizeOp;
import org.tensorflow.lite.support.image.ops.ResizeWithCropOrPadOp;
import org.tensorflow.lite.support.image.ops.Rot90Op;
import org.tensorflow.lite.support.label.Category;
import org.tensorflow.lite.support.label.TensorLabel;
import org.tensorflow.lite.support.tensorbuffer.TensorBuffer;

public final class SupportTest {
  static void same(Object found, Object expected) {
    if (!expected.equals(found)) throw new AssertionError("expected " + expected + ", found " + found);
  }

  static String text(TensorBuffer b) {
    return Arrays.toString(b.getShape()) + Arrays.toString(b.getIntArray());
  }

  static TensorImage image(int height, int width) {
    int[] argb = new int[height * width];
    for (int i = 0; i < argb.length; ++i) argb[i] = 0xff000000 | i << 16 | 10 * i << 8 | 7;
    TensorImage image = new TensorImage(DataType.UINT8);
    image.loadArgb(argb, height, width);
    return image;
  }

  static void buffers() {
    TensorBuffer b = TensorBuffer.createFixedSize(new int[] {1, 2}, DataType.UINT8);
    b.loadArray(new float[] {-3, 300.7f});
    same(text(b), "[1, 2][0, 255]");
    same(TensorBuffer.createFrom(b, DataType.FLOAT32).getFloatValue(1), 255f);
    TensorBuffer d = TensorBuffer.createDynamic(DataType.FLOAT32);
    ByteBuffer big = ByteBuffer.allocate(8).putFloat(1.5f).putFloat(2.5f); // Of the other byte order.
    d.loadBuffer(big, new int[] {2});
    same(d.getFloatValue(1), 2.5f);
    try {
      b.loadArray(new int[] {1, 2, 3}, new int[] {3});
      throw new AssertionError("fixed");
    } catch (IllegalArgumentException expected) {
      same(expected.getMessage().contains("fixed"), true);
    }
  }

  static void images() {
    TensorImage x = image(2, 3);
    same(text(new ImageProcessor.Builder().add(new Rot90Op()).build().process(x).getTensorBuffer()), "[3, 2, 3][2, 20, 7, 5, 50, 7, 1, 10, 7, 4, 40, 7, 0, 0, 7, 3, 30, 7]");
    same(text(new Rot90Op(4).apply(x).getTensorBuffer()), text(x.getTensorBuffer()));
    same(text(new ResizeWithCropOrPadOp(1, 1).apply(x).getTensorBuffer()), "[1, 1, 3][1, 10, 7]");
    same(text(new ResizeWithCropOrPadOp(2, 5).apply(image(2, 1)).getTensorBuffer()).startsWith("[2, 5, 3][0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0"), true);
    same(text(new ResizeOp(2, 3, ResizeOp.ResizeMethod.BILINEAR).apply(x).getTensorBuffer()), text(x.getTensorBuffer()));
    same(text(new ResizeOp(1, 3, ResizeOp.ResizeMethod.BILINEAR).apply(x).getTensorBuffer()), "[1, 3, 3][1, 15, 7, 2, 25, 7, 3, 35, 7]");
    same(text(new ResizeOp(4, 3, ResizeOp.ResizeMethod.NEAREST_NEIGHBOR).apply(x).getTensorBuffer()).startsWith("[4, 3, 3][0, 0, 7, 1, 10, 7, 2, 20, 7, 0, 0, 7"), true);
    TensorImage normalized = new ImageProcessor.Builder().add(new NormalizeOp(new float[] {0, 0, 7}, new float[] {1, 10, 1})).build().process(x);
    same(normalized.getDataType(), DataType.FLOAT32);
    same(text(normalized.getTensorBuffer()).endsWith("5, 5, 0]"), true);
  }

  static void quantization() {
    TensorBuffer real = TensorBuffer.createFixedSize(new int[] {3}, DataType.FLOAT32);
    real.loadArray(new float[] {0, 0.5f, 1});
    TensorBuffer q = new TensorProcessor.Builder().add(new QuantizeOp(10, 0.25f)).add(new CastOp(DataType.UINT8)).build().process(real);
    same(text(q), "[3][10, 12, 14]");
    same(Arrays.toString(new DequantizeOp(10, 0.25f).apply(q).getFloatArray()), "[0.0, 0.5, 1.0]");
  }

  static void labels() throws IOException {
    List<String> names = FileUtil.loadLabels(new ByteArrayInputStream("cat\n\ndög\n".getBytes(StandardCharsets.UTF_8)));
    same(names, Arrays.asList("cat", "dög"));
    TensorBuffer scores = TensorBuffer.createFixedSize(new int[] {1, 2}, DataType.FLOAT32);
    scores.loadArray(new float[] {0.25f, 0.75f});
    TensorLabel labels = new TensorLabel(names, scores);
    same(labels.getCategoryList().get(1), new Category("dög", 0.75f));
    same(labels.getMapWithFloatValue().get("cat"), 0.25f);
  }

  public static void main(String[] args) throws IOException {
    buffers();
    images();
    quantization();
    labels();
    System.out.println("image and label helpers: all checks passed");
  }
}
