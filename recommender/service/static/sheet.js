/* The button of a sheet to print. */

document.getElementById("print").addEventListener("click", () => print());
