// SPDX-License-Identifier: Apache-2.0
// examples/android as Android would call it. Usage: AndroidTestKt SAMPLE_SIZE (the property assets names the folder of model.tflite)
import org.octet.example.ClassifierActivity
import org.octet.example.ClassifierService

fun main(args: Array<String>) {
  val samples = List(5) { k -> FloatArray(args[0].toInt()) { (it * (k + 3) % 11) / 11f } }
  val activity = ClassifierActivity()
  activity.create()
  val service = ClassifierService()
  service.onCreate()
  for (x in samples) check(activity.classify(x) == service.classify(x))
  activity.destroy()
  service.onDestroy()
  check(runCatching { activity.classify(samples[0]) }.exceptionOrNull() is IllegalStateException)
  check(runCatching { service.classify(samples[0]) }.exceptionOrNull() is IllegalStateException)
  println("Android: activity and service agree and close")
}
