    (type $node (struct (field (mut (ref null $node)))))
    (func (export "configure") (param i32 i32) (result i32)
      (drop (struct.new $node (ref.null $node)))
      (call $on_trigger))
