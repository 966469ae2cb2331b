
2
xPlaceholder*
dtype0*
shape
:
+
LuLux*
T0*
output_idx_type0
!
IdentityIdentityLu*
T0"ª