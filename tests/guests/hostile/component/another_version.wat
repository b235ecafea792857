(component
  (core module $m (func (export "f")))
  (core instance $i (instantiate $m))
  (func $f (canon lift (core func $i "f")))
  (instance $processor (export "configure" (func $f)) (export "process" (func $f)))
  (export "weir:plugin/processor@9.0.0" (instance $processor))
)
