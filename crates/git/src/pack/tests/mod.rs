mod failing;
mod hostile;
mod real;
