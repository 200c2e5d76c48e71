"""A small model of each family of timm, the quick ones first."""

SMALL = """
    test_resnet test_vit lcnet_035 mobilenetv3_small_050 tinynet_e mnasnet_small mobilenetv2_035 mobilenetv4_conv_small_035
    ghostnet_050 repghostnet_050 regnetx_002 regnety_002 edgenext_xx_small mobilevit_xxs mobilevitv2_050 efficientvit_b0
    efficientvit_m0 fasternet_t0 starnet_s1 shvit_s1 swiftformer_xs convnext_atto convnextv2_atto mobileone_s0 resnet10t
    spnasnet_100 fbnetc_100 hardcorenas_a mixnet_s rexnet_100 rexnetr_100 efficientnet_lite0 efficientnet_b0
    tf_efficientnetv2_b0 mobilenetv1_100 ghostnetv2_100 ghostnetv3_050 lcnetv2_base efficientformerv2_s0 xcit_nano_12_p16_224
    fastvit_t8 inception_next_atto mambaout_femto dla46_c repvit_m0_9 levit_128s levit_conv_128s pvt_v2_b0 pit_ti_224
    convit_tiny crossvit_tiny_240 coat_tiny tiny_vit_5m_224 eva02_tiny_patch14_224 vit_tiny_patch16_224
    vit_tiny_r_s16_p8_224 deit_tiny_patch16_224 deit_tiny_distilled_patch16_224 gmlp_ti16_224 hgnetv2_b0 regnetz_005
    nf_regnet_b0 resnet18 skresnet18 legacy_seresnet18 resnetv2_18 resnest14d repvgg_a0 densenet121 hrnet_w18_small
    selecsls42 ese_vovnet19b_slim_dw cspnext_s efficientvim_m1 lowformer_b0 cpubone_b0_bfrobust resnext26ts
    seresnext26t_32x4d ecaresnet26t gcresnext26ts bat_resnext26ts lambda_resnet26t halonet26t sehalonet33ts haloregnetz_b
    botnet26t_256 csatv2 visformer_tiny poolformer_s12 poolformerv2_s12 maxvit_pico_rw_256 maxxvit_rmlp_nano_rw_256
    coatnet_pico_rw_224 cait_xxs24_224 efficientformer_l1 gcvit_xxtiny gmixer_12_224 resmlp_12_224 nest_tiny mixer_s32_224
    vovnet39a darknet17 dpn48b res2net50_14w_8s inception_v3 xception41 legacy_xception convmixer_1024_20_ks9_p14
    vit_relpos_small_patch16_224 vit_srelpos_small_patch16_224 vit_small_patch14_reg4_dinov2 flexivit_small
    deit3_small_patch16_224 tnt_s_patch16_224 twins_svt_small twins_pcpvt_small vitamin_small_224 mvitv2_tiny rdnet_tiny
    focalnet_tiny_srf hiera_tiny_224 hieradet_small swin_tiny_patch4_window7_224 swinv2_tiny_window8_256
    swinv2_cr_tiny_ns_224 davit_tiny volo_d1_224 sequencer2d_s nextvit_small convformer_s18 caformer_s18 cspresnet50
    cspdarknet53 tresnet_m eca_nfnet_l0 iformer_h inception_v4 inception_resnet_v2 dm_nfnet_f0 beit_base_patch16_224
    samvit_base_patch16 naflexvit_base_patch16_gap
""".split()
