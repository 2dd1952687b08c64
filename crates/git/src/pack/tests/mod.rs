mod deltas;
mod failing;
mod hostile;
mod real;
