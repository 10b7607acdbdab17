// SPDX-License-Identifier: Apache-2.0

/** XNOR neural-network accelerators: a file is a unit, in the order in which an image passes them. */
package object xnorfpga {

  /** Stop elaboration with one line that says what to change. */
  def refuse(message: String): Nothing = throw ConfigError(message)

  /** All divisors of n, ascending: what a fold may be. */
  def divisors(n: Int): Seq[Int] = (1 to n).filter(n % _ == 0)
}
